/** @file The texts to look at, and by which model they are read. */
import { useState } from "react";
import { useModels } from "../api/useModels.ts";
import type { Asked } from "./attentionAnswer.ts";

/** BertViz's own. */
export const example = { first: "The cat sat on the mat.", second: "The cat lay on the rug." } as const;

export function TextForm({ isBusy, onAsk }: { readonly isBusy: boolean; readonly onAsk: (asked: Asked) => void }) {
  const [first, setFirst] = useState<string>(example.first);
  const [second, setSecond] = useState<string>(example.second);
  const [model, setModel] = useState<string | null>(null);
  const models = useModels();
  return (
    <form
      className="card attention-form"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk({ inputs: second.trim() === "" ? first : [first, second], model });
      }}
    >
      <label>
        Text A
        <textarea rows={2} value={first} onChange={(event) => setFirst(event.target.value)} required />
      </label>
      <label>
        Text B, for a pair (may stay empty)
        <textarea rows={2} value={second} onChange={(event) => setSecond(event.target.value)} />
      </label>
      <div className="row">
        <label>
          Model
          <select
            value={model ?? models.data?.data[0]?.id ?? ""}
            onChange={(event) => setModel(event.target.value)}
            disabled={models.data === undefined}
          >
            {models.data === undefined && <option value="">the server's own</option>}
            {models.data?.data.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={isBusy}>
          {isBusy ? "Reading…" : "Show attention"}
        </button>
      </div>
    </form>
  );
}
