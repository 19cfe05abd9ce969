/**
 * @file The directions in which a student has learned its teacher's vectors, kept in the student's folder: another run with the same
 * teacher goes on in them. Found anew, from other texts, they would be others, and all vectors that are right would have to turn.
 */
import { encodeSafetensors } from "@stagecoach/transformer";
import { openSafetensors } from "@stagecoach/transformer/node";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { VectorBasis } from "../distillation/vectorBasis.ts";

export const BASIS_FILE = "teacher_basis.safetensors";

/** The tensor says by its name whose directions they are. @param teacher - fingerprint of its content */
const tensorOf = (teacher: string): string => `directions.${teacher}`;

/** Content of the file: float64 `[size, numDirections]`. */
export function encodeBasis({ size, numDirections, directions }: VectorBasis, teacher: string): Uint8Array {
  return encodeSafetensors(
    new Map([[tensorOf(teacher), { dtype: "F64", shape: [size, numDirections], data: directions }]]),
  );
}

/** @returns null where the folder has none, or one of another teacher or size @throws SafetensorsError for a damaged file */
export async function readBasis(
  folder: string,
  { teacher, size, numDirections }: Omit<VectorBasis, "directions"> & { readonly teacher: string },
): Promise<VectorBasis | null> {
  const path = join(folder, BASIS_FILE);
  if (!existsSync(path)) return null;
  await using file = await openSafetensors(path);
  const name = tensorOf(teacher);
  if (!file.has(name)) return null;
  const { dtype, shape } = file.entry(name);
  if (dtype !== "F64" || shape.join() !== [size, numDirections].join()) return null;
  const bytes = await file.readBytes(name);
  return { size, numDirections, directions: new Float64Array(Uint8Array.from(bytes).buffer) };
}
