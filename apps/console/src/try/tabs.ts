/** @file The tabs, and which of them a model has. */
import type { ComponentType } from "react";
import type { Abilities } from "../api/useModels.ts";
import type { TabProps } from "./abilities.ts";
import { EmbeddingsTab } from "./embeddings/EmbeddingsTab.tsx";
import { AnswerTab } from "./tasks/AnswerTab.tsx";
import { ClassifyTab } from "./tasks/ClassifyTab.tsx";
import { FillMaskTab } from "./tasks/FillMaskTab.tsx";
import { NextSentenceTab } from "./tasks/NextSentenceTab.tsx";
import { RerankTab } from "./tasks/RerankTab.tsx";
import { TagsTab } from "./tasks/TagsTab.tsx";
import { TokensTab } from "./tokens/TokensTab.tsx";

export type TabOfPage = {
  readonly name: string;
  readonly title: string;
  /** What kind of model it wants. */
  readonly wants: string;
  readonly fits: (abilities: Abilities) => boolean;
  readonly Tab: ComponentType<TabProps>;
};

const has =
  (route: string) =>
  ({ routes }: Abilities): boolean =>
    routes.includes(route);
const isTagger = ({ task }: Abilities) => task === "token-classification";

/** What a model was trained for comes first. */
export const tabs: readonly TabOfPage[] = [
  { name: "rerank", title: "Rerank", wants: "a cross-encoder with one score", fits: has("/rerank"), Tab: RerankTab },
  {
    name: "classify",
    title: "Labels",
    wants: "a classifier of texts",
    fits: (abilities) => has("/predict")(abilities) && !isTagger(abilities),
    Tab: ClassifyTab,
  },
  { name: "tags", title: "Token labels", wants: "a classifier of tokens", fits: isTagger, Tab: TagsTab },
  { name: "answer", title: "Answers", wants: "a model that answers questions", fits: has("/answer"), Tab: AnswerTab },
  {
    name: "fill-mask",
    title: "Fill mask",
    wants: "a masked language model",
    fits: has("/fill-mask"),
    Tab: FillMaskTab,
  },
  {
    name: "next-sentence",
    title: "Next sentence",
    wants: "a model of next sentences",
    fits: has("/next-sentence"),
    Tab: NextSentenceTab,
  },
  { name: "embeddings", title: "Embeddings", wants: "any model", fits: has("/v1/embeddings"), Tab: EmbeddingsTab },
  { name: "tokens", title: "Tokens", wants: "any model", fits: has("/tokenize"), Tab: TokensTab },
];

export function tabsOf(abilities: Abilities): TabOfPage[] {
  return tabs.filter(({ fits }) => fits(abilities));
}
