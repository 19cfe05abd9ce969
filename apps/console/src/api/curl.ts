/** @file Requests as lines for a shell. */

type CurlOptions = {
  readonly json?: object;
  /** Whether this server wants a key, which is not shown. */
  readonly needsKey: boolean;
  /** Lines of JSON; one when left out. */
  readonly isIndented?: boolean;
};

/** @param url - absolute */
export function curlCommand(url: string, { json, needsKey, isIndented = false }: CurlOptions): string {
  const key = needsKey ? ` -H "Authorization: Bearer $STAGECOACH_API_KEY"` : "";
  if (json === undefined) return `curl ${quoted(url)}${key}`;
  return `curl ${quoted(url)}${key} -d ${quoted(JSON.stringify(json, null, isIndented ? 2 : 0))}`;
}

/** The upload of a file of this name from the folder where the shell is. */
export function uploadCommand(url: string, filename: string, needsKey: boolean): string {
  return `${curlCommand(url, { needsKey })} -F purpose=fine-tune -F ${quoted(`file=@${filename}`)}`;
}

/** One word for a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
