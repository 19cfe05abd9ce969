/** @file Who fills a pipeline that several batchers share: they take turns, one micro-batch each. */

/** Sends one micro-batch, if there is one and room for it. @returns whether it has */
export type SendOne = () => boolean;

export class Turns {
  #senders: SendOne[] = [];
  /** Whose turn is next. */
  #next = 0;

  /** @returns how to leave */
  join(sendOne: SendOne): () => void {
    this.#senders.push(sendOne);
    return () => {
      this.#senders = this.#senders.filter((each) => each !== sendOne);
    };
  }

  /** Go round, from where it ended the last time, until there is no room or nobody sends anything. */
  fill(hasRoom: () => boolean): void {
    for (let numIdle = 0; numIdle < this.#senders.length && hasRoom();) {
      const sendOne = this.#senders[this.#next % this.#senders.length]!;
      this.#next = (this.#next + 1) % this.#senders.length;
      numIdle = sendOne() ? 0 : numIdle + 1;
    }
  }
}
