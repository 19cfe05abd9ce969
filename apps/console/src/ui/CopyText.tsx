/** @file A button that copies. Browsers have a clipboard for pages on HTTPS and on this machine only; elsewhere the old command does. */
import { useState } from "react";

type CopyTextProps = {
  readonly text: () => string;
  readonly what: string;
  /** Where several buttons of a page copy the same kind of thing. */
  readonly label?: string;
};

export function CopyText({ text, what, label }: CopyTextProps) {
  const [said, setSaid] = useState("");
  const copy = async () => setSaid((await copied(text())) ? "Copied" : "Not copied: select the text and press Ctrl+C");
  return (
    <>
      <button type="button" className="quiet" aria-label={label} onClick={() => void copy()}>
        Copy the {what}
      </button>{" "}
      <output className="muted">{said}</output>
    </>
  );
}

/** @returns whether it is in the clipboard */
async function copied(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => copiedBySelection(text),
    );
  }
  return copiedBySelection(text);
}

function copiedBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
