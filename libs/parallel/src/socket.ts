/**
 * @file A message socket, as links need it. Apps hand one in: ws in Node (node/wsSocket.ts), the browser's own in a browser.
 */

/** Whole messages in order, or a close. Text carries control, bytes carry frames. */
export interface MessageSocket {
  /** Where the other end is, for people. */
  readonly peer: string;
  /** @param onSent - called once the socket needs the bytes no more; never, when it is gone before */
  send(message: string | Uint8Array, onSent?: () => void): void;
  /** Say goodbye with a WebSocket close code and a reason, of which what fits a close frame is sent (`closeReason`). */
  close(code: number, reason: string): void;
  /** Cut the connection without goodbye. */
  terminate(): void;
  /** One listener each; messages that came before are delivered when it is set. The bytes of a message are its receiver's own. */
  onMessage(listener: (message: string | Uint8Array) => void): void;
  onClose(listener: (close: SocketClose) => void): void;
}

export type SocketClose = { readonly code: number; readonly reason: string };

/** Close codes from the range that RFC 6455 leaves to applications. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolViolation: 4400,
  staleEpoch: 4409,
  leaseExpired: 4410,
} as const;

/** As much of a reason as a close frame holds (RFC 6455, section 5.5: 125 bytes with the code), whole letters only. */
export function closeReason(reason: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(reason).subarray(0, 123), { stream: true });
}
