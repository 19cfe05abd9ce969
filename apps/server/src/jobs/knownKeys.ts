/** @file Objects with known keys only, whose error for another key says which one was probably meant. */
import { z } from "zod";
import { closestName } from "../config/closestName.ts";

export function knownKeys<Shape extends z.core.$ZodShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const unknown = (issue.keys as readonly string[]).map((key) => {
        const closest = closestName(key, known);
        return closest === null ? `"${key}"` : `"${key}" (did you mean "${closest}"?)`;
      });
      return `unknown ${unknown.join(", ")}; known are ${known.join(", ")}`;
    },
  });
}
