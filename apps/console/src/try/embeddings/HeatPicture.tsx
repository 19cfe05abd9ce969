/** @file The heat map of many texts: a pixel for each pair, enlarged; the pair under the pointer, or of two numbers, is told below. */
import { useEffect, useRef, useState, type PointerEvent } from "react";
import { score } from "../Bars.tsx";
import { useIsDark } from "../../ui/useIsDark.ts";
import { entryOf } from "./cosines.ts";
import { colourOf, stretched } from "./colourScale.ts";
import type { HeatDrawingProps } from "./HeatMap.tsx";

export function HeatPicture({ texts, cosines, range }: HeatDrawingProps) {
  const scheme = useIsDark() ? "dark" : "light";
  const canvas = useRef<HTMLCanvasElement>(null);
  const [row, setRow] = useState(0);
  const [column, setColumn] = useState(1);
  const size = texts.length;
  const [least, most] = range;
  useEffect(() => {
    const pixels = new ImageData(size, size);
    cosines.values.forEach((value, index) => {
      pixels.data.set([...colourOf(stretched(value, [least, most]), scheme), 255], 4 * index);
    });
    canvas.current!.getContext("2d")!.putImageData(pixels, 0, 0);
  }, [cosines, least, most, scheme, size]);
  const look = ({ nativeEvent: { offsetX, offsetY }, currentTarget }: PointerEvent<HTMLCanvasElement>) => {
    const place = (offset: number) =>
      Math.min(size - 1, Math.max(0, Math.floor((offset / currentTarget.clientWidth) * size)));
    setColumn(place(offsetX));
    setRow(place(offsetY));
  };
  const field = (label: string, value: number, onChange: (next: number) => void) => (
    <label className="number-field">
      {label}
      <input
        type="number"
        min={1}
        max={size}
        value={value + 1}
        onChange={(event) => onChange(Math.min(size, Math.max(1, event.target.valueAsNumber || 1)) - 1)}
      />
    </label>
  );
  return (
    <>
      <canvas
        ref={canvas}
        className="heat-picture"
        width={size}
        height={size}
        onPointerMove={look}
        onPointerDown={look}
      >
        Cosine similarity of {size} texts with each other. The fields below tell that of any two, and the table of
        neighbours the largest.
      </canvas>
      <div className="row pair">
        {field("Row", row, setRow)}
        {field("Column", column, setColumn)}
        <strong className="pair-score">{score(entryOf(cosines, row, column))}</strong>
      </div>
      <p className="pair-texts muted">
        {texts[row]}
        <br />
        {texts[column]}
      </p>
    </>
  );
}
