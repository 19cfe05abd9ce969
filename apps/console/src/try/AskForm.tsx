/** @file The upper half of every tab: its fields, the button, and the request as a curl command. */
import { useEffect, useState, type ReactNode } from "react";
import { apiKey } from "../api/apiKey.ts";
import { curlCommand } from "../api/curl.ts";
import { CopyText } from "../ui/CopyText.tsx";
import { Scroll } from "../ui/Scroll.tsx";

export type ApiRequest = { readonly route: string; readonly body: object };

type AskFormProps = {
  readonly request: ApiRequest;
  readonly isAsking: boolean;
  readonly onAsk: () => void;
  readonly verb?: string;
  /** Said beside the button. */
  readonly note?: ReactNode;
  readonly children: ReactNode;
};

export function AskForm({ request, isAsking, onAsk, verb = "Ask", note, children }: AskFormProps) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      onAsk();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [onAsk]);
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk();
      }}
    >
      {children}
      <div className="row ask-row">
        <button type="submit">{verb}</button>
        <span className="muted">
          or <kbd>Ctrl</kbd>+<kbd>Enter</kbd>
        </span>
        <output className="muted">{isAsking ? <Waiting /> : note}</output>
      </div>
      <RequestText request={request} />
    </form>
  );
}

/** Long waits have a reason that is told. */
function Waiting() {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), 1500);
    return () => clearTimeout(timer);
  }, []);
  return isLong
    ? "Waiting for the answer. A fine-tuned model is loaded when it is first asked, which takes some seconds."
    : "Waiting for the answer…";
}

function RequestText({ request: { route, body } }: { readonly request: ApiRequest }) {
  const [isOpen, setIsOpen] = useState(false);
  const command = () => curlCommand(location.origin + route, { json: body, needsKey: apiKey.get() !== null });
  return (
    <details className="request" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>
        The request: <code>POST {route}</code>
      </summary>
      {isOpen && (
        <>
          <Scroll label="The request as a curl command">
            <pre>{command()}</pre>
          </Scroll>
          <CopyText text={command} what="command" />
          <a className="docs-link" href="/docs" target="_blank" rel="noreferrer">
            All fields of this route
          </a>
        </>
      )}
    </details>
  );
}
