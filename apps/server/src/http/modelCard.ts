/**
 * @file An entry of `/v1/models`: what OpenAI's clients read, and under `stagecoach`, which they ignore, what can be asked of the model.
 *
 * A fine-tuned model says so from its files, whether it is loaded or not.
 */
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import type { Tokenizer } from "@stagecoach/tokenizer";
import { AdapterError, type EncoderModel } from "@stagecoach/transformer";
import { isAdapterFolder, openModelFolder } from "@stagecoach/transformer/node";
import type { Logger } from "pino";
import { z } from "zod";
import type { ScorerFacts } from "../embedding/scorer.ts";
import type { FineTunedModel } from "../jobs/fineTunedModels.ts";
import { ORGANIZATION } from "../jobs/modelName.ts";
import { modelFiles } from "../models/modelFiles.ts";
import { readScorerFacts } from "../models/openScorer.ts";
import { problemOf } from "./httpProblem.ts";
import { taskRoutesOf } from "./scorerOf.ts";
import type { ServedModel } from "./serving.ts";

const abilitiesSchema = z
  .object({
    task: z.string().nullable().meta({ description: "what it was trained for besides vectors" }),
    routes: z.array(z.string()).meta({ description: "routes that take this model" }),
    labels: z.array(z.string()).meta({ description: "names of the classes, by number" }),
    problem_type: z.string().nullable().meta({ description: "of a classifier of whole texts, as in its config" }),
    mask_token: z.string().nullable().meta({ description: "what stands for a token that /fill-mask is to find" }),
    prompts: z.record(z.string(), z.string()).meta({ description: "by `prompt_name`" }),
    default_prompt_name: z.string().nullable().meta({ description: "of the prompt that is put before texts unasked" }),
    dimensions: z.int().meta({ description: "size of its vectors" }),
    max_input_length: z.int().meta({ description: "in tokens, special ones included" }),
  })
  .meta({ id: "ModelAbilities" });

const unusableSchema = z
  .object({ problem: z.string().meta({ description: "why it cannot be served" }) })
  .meta({ id: "UnusableModel" });

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    stagecoach: z
      .union([abilitiesSchema, unusableSchema])
      .meta({ description: "what can be asked of it; not part of OpenAI's API" }),
  })
  .meta({ id: "Model" });

type ModelCard = z.output<typeof modelSchema>;
type Abilities = z.output<typeof abilitiesSchema>;

type Facts = {
  readonly model: EncoderModel;
  readonly scorer: ScorerFacts | null;
  readonly tokenizer: Tokenizer | null;
};

/** Of every model. */
const vectorRoutes = ["/v1/embeddings", "/embed", "/embed_all", "/similarity", "/attention", "/tokenize", "/decode"];

export function modelCard({ name, createdAt, embedder, scorer }: ServedModel): ModelCard {
  const { model, tokenizer } = embedder;
  const stagecoach = abilitiesOf({ model, scorer, tokenizer });
  return { id: name, object: "model", created: createdAt, owned_by: "stagecoach", stagecoach };
}

/**
 * Cards of fine-tuned models. Their folders are read one after another, and again only where their files have changed: a page that lists
 * a hundred models opens none of them. An adapter depends on a base besides, which may go: it is read every time.
 */
export class FineTunedCards {
  readonly #log: Logger;
  readonly #read: (folder: string) => Promise<Abilities>;
  readonly #known = new Map<string, { readonly stamp: string; readonly abilities: Abilities }>();

  constructor(log: Logger, read = readAbilities) {
    this.#log = log;
    this.#read = read;
  }

  async ofAll(models: readonly FineTunedModel[]): Promise<ModelCard[]> {
    const folders = new Set(models.map(({ folder }) => folder));
    for (const folder of this.#known.keys()) if (!folders.has(folder)) this.#known.delete(folder);
    const cards: ModelCard[] = [];
    for (const model of models) cards.push(await this.of(model));
    return cards;
  }

  /** Where it lies, or its base, is nothing that clients need to know: the log has it. */
  async of({ id, createdAt, folder }: FineTunedModel): Promise<ModelCard> {
    const stagecoach = await this.#abilitiesOf(folder).catch((error: unknown) => {
      this.#log.warn({ model: id, err: error }, "the model cannot be described");
      const { message } = error instanceof AdapterError ? problemOf(error) : (error as Error);
      return { problem: message.replaceAll(folder, id) };
    });
    return { id, object: "model", created: createdAt, owned_by: ORGANIZATION, stagecoach };
  }

  async #abilitiesOf(folder: string): Promise<Abilities> {
    const stamp = await stampOf(folder);
    const known = this.#known.get(folder);
    if (known !== undefined && known.stamp === stamp) return known.abilities;
    const abilities = await this.#read(folder);
    if (stamp !== null) this.#known.set(folder, { stamp, abilities });
    return abilities;
  }
}

/** Changes with the folder's files. Null where a folder is to be read: an adapter's, or one of which reading says what is wrong. */
async function stampOf(folder: string): Promise<string | null> {
  if (await isAdapterFolder(folder)) return null;
  const files = await modelFiles(folder).catch(() => null);
  return files === null ? null : JSON.stringify(files);
}

async function readAbilities(folder: string): Promise<Abilities> {
  await using opened = await openModelFolder(folder, { verifyBase: false });
  const { model, task } = opened;
  const scorer = await readScorerFacts(folder, task);
  const { lowerCase } = model.modules;
  const tokenizer = fillsMasks(scorer) ? await loadTokenizer(folder, { lowerCase }) : null;
  return abilitiesOf({ model, scorer, tokenizer });
}

function abilitiesOf({ model: { modules }, scorer, tokenizer }: Facts): Abilities {
  const task = scorer?.task;
  const mask = fillsMasks(scorer) ? tokenizer?.specialTokens.mask : undefined;
  return {
    task: scorer?.trainedFor ?? null,
    routes: [...vectorRoutes, ...taskRoutesOf(scorer)],
    labels: scorer !== null && "numLabels" in scorer.task ? [...scorer.labels] : [],
    problem_type: task !== undefined && "problemType" in task ? task.problemType : null,
    mask_token: mask === undefined ? null : (tokenizer?.idToToken(mask) ?? null),
    prompts: modules.prompts,
    default_prompt_name: modules.defaultPromptName,
    dimensions: modules.dimensions,
    max_input_length: modules.maxLength,
  };
}

function fillsMasks(scorer: ScorerFacts | null): boolean {
  return taskRoutesOf(scorer).includes("/fill-mask");
}
