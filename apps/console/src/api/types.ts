/** @file What routes answer, as far as every page reads it. What only one page reads is declared beside that page. */

/** `GET /info` */
export type ServerInfo = { readonly model_id: string; readonly version: string };
