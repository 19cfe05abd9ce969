/** @file Text for a shell or a program, with a button that copies it. */
import { CopyText } from "./CopyText.tsx";

export function Command({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div className="command">
      <div className="row heading">
        <h3>{label}</h3>
        <CopyText text={() => text} what="command" label={`Copy the command: ${label}`} />
      </div>
      <pre>{text}</pre>
    </div>
  );
}
