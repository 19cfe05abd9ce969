/** @file One line of JSON per event, in the form that the gateway's log has. */

/** @param output - where lines go; a gateway passes on what its children write */
export function workerLog(output: { write(text: string): unknown }) {
  return (event: string, facts: Readonly<Record<string, unknown>> = {}): void => {
    output.write(`${JSON.stringify({ level: 30, time: Date.now(), pid: process.pid, ...facts, msg: event })}\n`);
  };
}
