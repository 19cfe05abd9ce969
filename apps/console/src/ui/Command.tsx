/** @file Text for a shell or a program, with a button that copies it. */
import { useRef, useState } from "react";

export function Command({ label, text }: { readonly label: string; readonly text: string }) {
  const [note, setNote] = useState("");
  const block = useRef<HTMLPreElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setNote("Copied");
    } catch {
      // Browsers let only pages of https, or of this machine, write to the clipboard.
      getSelection()?.selectAllChildren(block.current!);
      setNote("Selected: copy it with Ctrl+C");
    }
  };
  return (
    <div className="command">
      <div className="row heading">
        <h3>{label}</h3>
        <button type="button" className="quiet" onClick={() => void copy()} aria-label={`Copy: ${label}`}>
          Copy
        </button>
        <output className="muted">{note}</output>
      </div>
      <pre ref={block}>{text}</pre>
    </div>
  );
}
