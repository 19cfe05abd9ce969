/** @file What the server said of a job before it starts: what is wrong, or what it will be. */
import { shownNumber } from "./format.ts";
import type { CheckAnswer } from "./jobTypes.ts";
import { FileProblems } from "./PreviewTable.tsx";

const MAX_LABELS = 30;

export function CheckResult({ answer }: { readonly answer: CheckAnswer }) {
  const { valid, problems, warnings, task, labels, examples, skipped, truncated, steps } = answer;
  if (!valid)
    return (
      <div role="alert">
        <h3 className="is-bad">This job would fail</h3>
        <FileProblems problems={problems} />
        <Warnings warnings={warnings} />
      </div>
    );
  const facts = Object.entries({
    "examples to train on": examples,
    "to validate on": answer.validation_examples,
    "to test on": answer.test_examples,
    steps,
    "rows left out": skipped,
    "texts cut": truncated,
  });
  return (
    <div>
      <h3 className="is-good">✓ The check has passed{task === null ? "" : `: ${task}`}</h3>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === null ? "not known before it starts" : shownNumber(value)}</dd>
          </div>
        ))}
      </dl>
      {labels !== null && labels.length > 0 && (
        <p>
          {labels.length} labels:{" "}
          {labels
            .slice(0, MAX_LABELS)
            .map(({ name, count }) => `${name} (${shownNumber(count)})`)
            .join(", ")}
          {labels.length > MAX_LABELS && `, and ${labels.length - MAX_LABELS} more`}
        </p>
      )}
      <Warnings warnings={warnings} />
    </div>
  );
}

function Warnings({ warnings }: Pick<CheckAnswer, "warnings">) {
  if (warnings.length === 0) return null;
  return (
    <ul className="is-warning">
      {warnings.map((warning) => (
        <li key={warning}>{warning}</li>
      ))}
    </ul>
  );
}
