/** @file Which heads are drawn, each with its colour. */
import { headColour } from "./headLines.ts";
import { placesOf } from "./pairFilter.ts";
import { useIsDark } from "../ui/useIsDark.ts";

type HeadTogglesProps = {
  readonly numHeads: number;
  /** Those that are on. */
  readonly heads: readonly number[];
  /** null: all. */
  readonly onChange: (heads: readonly number[] | null) => void;
};

export function HeadToggles({ numHeads, heads, onChange }: HeadTogglesProps) {
  const isDark = useIsDark();
  const all = placesOf({ start: 0, end: numHeads });
  const change = (wanted: readonly number[]) => onChange(wanted.length === numHeads ? null : wanted);
  return (
    <fieldset className="head-toggles">
      <legend>Heads</legend>
      {all.map((head) => {
        const isOn = heads.includes(head);
        return (
          <button
            key={head}
            type="button"
            className="head-toggle"
            aria-pressed={isOn}
            aria-label={`head ${head}`}
            title="Double click: this one alone"
            onClick={() => change(all.filter((each) => (each === head ? !isOn : heads.includes(each))))}
            onDoubleClick={() => change([head])}
          >
            <span className="swatch" style={{ color: headColour(head, { numHeads, isDark }) }} />
            {head}
          </button>
        );
      })}
      <button type="button" className="quiet small" onClick={() => onChange(null)} disabled={heads.length === numHeads}>
        all
      </button>
      <button type="button" className="quiet small" onClick={() => onChange([])} disabled={heads.length === 0}>
        none
      </button>
    </fieldset>
  );
}
