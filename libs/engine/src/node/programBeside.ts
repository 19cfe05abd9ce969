/** @file Programs that run in threads and processes of their own, found beside the file that starts them. */
import { extname } from "node:path";

/**
 * URL of the program `name` beside a module, with that module's ending: .ts in a checkout, .js in a published package.
 * @param module - `import.meta.url` of whoever starts it
 */
export function programBeside(module: string, name: string): URL {
  return new URL(`./${name}${extname(module)}`, module);
}
