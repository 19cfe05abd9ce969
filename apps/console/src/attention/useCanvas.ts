/** @file A canvas that is drawn anew when what it shows changes, or its own size. */
import { useLayoutEffect, useRef, type RefObject } from "react";

/** Of pixels in one direction; browsers draw nothing beyond 16,384 or less. */
const MAX_PIXELS = 8192;

export type Drawing = {
  readonly context: CanvasRenderingContext2D;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
};

/** @param draw - made with useCallback, so that it is another one whenever there is something else to draw */
export function useCanvas(draw: (drawing: Drawing) => void): RefObject<HTMLCanvasElement | null> {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = ref.current;
    if (canvas === null) return undefined;
    const redraw = () => {
      const { clientWidth: width, clientHeight: height } = canvas;
      const context = canvas.getContext("2d");
      if (context === null || width === 0 || height === 0) return;
      const scale = Math.min(devicePixelRatio, MAX_PIXELS / Math.max(width, height));
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      context.scale(scale, scale);
      draw({ context, width, height });
    };
    const observer = new ResizeObserver(redraw);
    observer.observe(canvas);
    redraw();
    return () => observer.disconnect();
  }, [draw]);
  return ref;
}
