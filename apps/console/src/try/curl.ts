/** @file A request as a command line that can be pasted into a POSIX shell. */

type CurlRequest = {
  /** `http://host:port` */
  readonly origin: string;
  readonly route: string;
  readonly body: unknown;
  /** Whether the server wants a key. The key itself is never in the command. */
  readonly needsKey: boolean;
};

export function curlOf({ origin, route, body, needsKey }: CurlRequest): string {
  const parts = [
    `curl ${quoted(origin + route)}`,
    ...(needsKey ? ['-H "Authorization: Bearer $STAGECOACH_API_KEY"'] : []),
    `-H ${quoted("content-type: application/json")}`,
    `-d ${quoted(JSON.stringify(body))}`,
  ];
  return parts.join(" \\\n  ");
}

/** Between single quotes nothing is special but a single quote. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
