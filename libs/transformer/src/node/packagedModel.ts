/**
 * @file The model that comes with this package: a small sentence encoder, so that a machine that reaches no hub can embed.
 *
 * Its weights are files of the package; another release may have others only under another name, because vectors of two models
 * cannot be compared. Its card (`README.md` in the folder) says how it was made and what it is bad at.
 */
import { fileURLToPath } from "node:url";

/** What it is called wherever a folder or a hub id can stand. */
export const PACKAGED_MODEL = "stagecoach-mini";

/** Absolute path of its folder. */
export const packagedModelFolder = fileURLToPath(new URL(`../../models/${PACKAGED_MODEL}`, import.meta.url));
