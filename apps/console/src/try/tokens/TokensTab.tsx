/** @file `/tokenize`: what the model reads of a text, token by token. */
import { call } from "../../api/client.ts";
import type { Abilities } from "../../api/useModels.ts";
import type { TabProps } from "../abilities.ts";
import { AskForm } from "../AskForm.tsx";
import { Outcome } from "../Outcome.tsx";
import { PromptField } from "../PromptField.tsx";
import { Scroll } from "../../ui/Scroll.tsx";
import { useAsk, type Answered } from "../useAsk.ts";
import { useDraft } from "../useDraft.ts";
import { bytesOf, piecesOf, readText, visible, type Token, type TokenPiece } from "./tokenPieces.ts";

type Body = {
  readonly inputs: readonly [string];
  readonly add_special_tokens: boolean;
  readonly prompt_name?: string;
  readonly model: string;
};

const route = "/tokenize";
const tokenize = async (body: Body, signal: AbortSignal) =>
  (await call<readonly (readonly Token[])[]>(route, { json: body, signal }))[0]!;

export function TokensTab({ model: { id, abilities } }: TabProps) {
  const [text, setText] = useDraft("tokens.text", "Stagecoaches weren’t fast: 12 km/h, at best 😀");
  const [hasSpecial, setHasSpecial] = useDraft("tokens.special", true);
  const [showsBytes, setShowsBytes] = useDraft("tokens.bytes", false);
  const [prompt, setPrompt] = useDraft(`tokens.prompt.${id}`, "");
  const asking = useAsk(tokenize);
  const named = prompt === "" ? {} : { prompt_name: prompt };
  const body: Body = { inputs: [text], add_special_tokens: hasSpecial, ...named, model: id };
  return (
    <>
      <AskForm request={{ route, body }} isAsking={asking.isAsking} onAsk={() => asking.ask(body)} verb="Tokenize">
        <label>
          Text
          <textarea rows={4} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
        <div className="row options">
          <PromptField abilities={abilities} value={prompt} onChange={setPrompt} />
          <label>
            <input type="checkbox" checked={hasSpecial} onChange={(event) => setHasSpecial(event.target.checked)} />
            With special tokens
          </label>
          <label>
            <input type="checkbox" checked={showsBytes} onChange={(event) => setShowsBytes(event.target.checked)} />
            Show bytes
          </label>
        </div>
      </AskForm>
      <Outcome asking={asking} empty="The tokens will be here, with their numbers and places.">
        {(answered) => <Tokens answered={answered} abilities={abilities} showsBytes={showsBytes} />}
      </Outcome>
    </>
  );
}

type TokensProps = {
  readonly answered: Answered<Body, readonly Token[]>;
  readonly abilities: Abilities;
  readonly showsBytes: boolean;
};

function Tokens({ answered: { answer: tokens, input }, abilities, showsBytes }: TokensProps) {
  const { prompts, default_prompt_name: unasked, max_input_length: maxLength } = abilities;
  const prompt = prompts[input.prompt_name ?? unasked ?? ""] ?? "";
  const bytes = readText(prompt + input.inputs[0], tokens);
  // Without special tokens, nothing says how many of them the model would need.
  const pieces = piecesOf(tokens, { bytes, maxLength: input.add_special_tokens ? maxLength : Infinity });
  const numSpecial = tokens.filter(({ special }) => special).length;
  const numCut = pieces.filter(({ isCut }) => isCut).length;
  const shown = (text: string) => (showsBytes ? bytesOf(text) : visible(text));
  return (
    <div className="card">
      <h2>
        {tokens.length} tokens{numSpecial > 0 && `, ${numSpecial} of them special`}
      </h2>
      <p className={numCut > 0 ? "is-warning" : "muted"}>
        {numCut > 0
          ? `The model reads ${maxLength} tokens at most: ${numCut} at the end are cut off unless the request says otherwise.`
          : `The model reads ${maxLength} tokens at most${input.add_special_tokens ? "; nothing is cut off" : ", special ones included"}.`}
      </p>
      <p className="tokens">
        {pieces.map(({ token, gap, isRepeat, isCut }, index) => (
          <span key={index}>
            {gap !== "" && <span className="gap">{shown(gap)}</span>}
            <span className={classOf({ token, isCut })} title={`${token.id}`}>
              {token.special ? token.text : isRepeat ? "…" : shown(token.text)}
            </span>
            <wbr />
          </span>
        ))}
      </p>
      <TokenTable pieces={pieces} shown={shown} />
    </div>
  );
}

function classOf({ token, isCut }: Pick<TokenPiece, "token" | "isCut">): string {
  return ["token", token.special && "is-special", isCut && "is-cut"].filter(Boolean).join(" ");
}

type TableProps = { readonly pieces: readonly TokenPiece[]; readonly shown: (text: string) => string };

function TokenTable({ pieces, shown }: TableProps) {
  return (
    <Scroll label="Tokens in a table">
      <table className="of-tokens">
        <thead>
          <tr>
            <th className="number">Number</th>
            <th className="number">Id</th>
            <th>Piece of the text</th>
            <th className="number">Bytes</th>
            <th>What it is</th>
          </tr>
        </thead>
        <tbody>
          {pieces.map(({ token, isRepeat, isCut }, index) => (
            <tr key={index} className={isCut ? "muted" : undefined}>
              <td className="number">{index + 1}</td>
              <td className="number">{token.id}</td>
              <td>
                <code>{token.special ? token.text : shown(token.text)}</code>
              </td>
              <td className="number">{token.start === null ? "" : `${token.start}–${token.stop}`}</td>
              <td>
                {[token.special && "special", isRepeat && "part of the same character", isCut && "cut off"]
                  .filter(Boolean)
                  .join(", ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
