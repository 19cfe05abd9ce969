/** @file `/v1/embeddings`: how similar texts are to each other, as a heat map, as a map in two dimensions, and as neighbours. */
import { useMemo, useState } from "react";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { linesOf } from "../linesOf.ts";
import { Outcome } from "../Outcome.tsx";
import { PromptField } from "../PromptField.tsx";
import { useAsk, type Answered } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";
import { cosinesOf, gramMatrix } from "./cosines.ts";
import { embedRequest, embedTexts, type EmbedInput } from "./embedTexts.ts";
import { HeatMap } from "./HeatMap.tsx";
import { Neighbours } from "./Neighbours.tsx";
import { PcaMap } from "./PcaMap.tsx";
import { principalComponents } from "./principalComponents.ts";

/** Descriptions of software: what the model in the box knows, and any other has read of. */
const example = [
  "Compress and decompress files in the zip format.",
  "Read and write tar archives.",
  "Pack a folder into one compressed file.",
  "Resize, crop and rotate images.",
  "Convert photographs between JPEG and PNG.",
  "Draw thumbnails of pictures.",
  "A client for PostgreSQL databases.",
  "Run SQL queries against SQLite.",
  "Play music and internet radio.",
].join("\n");

export function EmbeddingsTab({ model: { id, abilities } }: TabProps) {
  const [text, setText] = useDraft("embeddings.texts", example);
  const [prompt, setPrompt] = useDraft(`embeddings.prompt.${id}`, "");
  const [dimensions, setDimensions] = useDraft<number | null>(`embeddings.dimensions.${id}`, null);
  const asking = useAsk(embedTexts);
  const texts = linesOf(text);
  const input: EmbedInput = { texts, model: id, prompt, dimensions };
  return (
    <>
      <AskForm
        request={embedRequest(input)}
        isAsking={asking.isAsking}
        onAsk={() => asking.ask(input)}
        verb="Compare"
        note={`${texts.length} texts`}
      >
        <label>
          Texts, one on each line
          <textarea rows={9} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <div className="row options">
          <PromptField abilities={abilities} value={prompt} onChange={setPrompt} />
          <label className="number-field">
            Dimensions
            <input
              type="number"
              min={1}
              max={abilities.dimensions}
              placeholder={`all ${abilities.dimensions}`}
              value={dimensions ?? ""}
              onChange={(event) => setDimensions(event.target.value === "" ? null : event.target.valueAsNumber)}
            />
          </label>
        </div>
      </AskForm>
      <Outcome asking={asking} empty="Which texts are near each other will be here: a heat map, a map, and neighbours.">
        {(answered) => <Comparison key={answered.ms} answered={answered} />}
      </Outcome>
    </>
  );
}

type ComparisonProps = { readonly answered: Answered<EmbedInput, readonly (readonly number[])[]> };

function Comparison({ answered: { answer: vectors, input } }: ComparisonProps) {
  const { texts } = input;
  const { cosines, components } = useMemo(() => {
    const gram = gramMatrix(vectors);
    return { cosines: cosinesOf(gram), components: principalComponents(gram) };
  }, [vectors]);
  const [selected, setSelected] = useState<number | null>(null);
  const shown = { texts, cosines, selected, onSelect: setSelected };
  return (
    <>
      <div className="grid wide">
        <HeatMap texts={texts} cosines={cosines} />
        <PcaMap {...shown} components={components} />
      </div>
      <Neighbours {...shown} />
    </>
  );
}
