/**
 * @file A message socket, as links need it. Apps hand one in: ws in Node (node/wsSocket.ts), the browser's own in a browser.
 */

/** Whole messages in order, or a close. Text carries control, bytes carry frames. */
export interface MessageSocket {
  /** Where the other end is, for people. */
  readonly peer: string;
  send(message: string | Uint8Array): void;
  /** Say goodbye with a WebSocket close code and a reason of at most 123 bytes. */
  close(code: number, reason: string): void;
  /** Cut the connection without goodbye. */
  terminate(): void;
  /** One listener each; messages that came before are delivered when it is set. */
  onMessage(listener: (message: string | Uint8Array) => void): void;
  onClose(listener: (close: SocketClose) => void): void;
}

export type SocketClose = { readonly code: number; readonly reason: string };

/** Close codes from the range that RFC 6455 leaves to applications. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolViolation: 4400,
  unauthorized: 4401,
  staleEpoch: 4409,
  leaseExpired: 4410,
} as const;
