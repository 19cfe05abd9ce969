/**
 * @file Programs that npm starts stand behind a shell. npm passes SIGTERM on to that shell, which ends without telling anybody: what the
 * program sees of it is that it has another parent. Without this a service manager that stops `npm start` leaves the server behind.
 */

const CHECK_INTERVAL_MS = 250;

/** Call `onGone` once when the parent process has ended. Does not keep the program alive. */
export function watchParent({ parent, onGone }: { readonly parent: () => number; readonly onGone: () => void }): void {
  const first = parent();
  const timer = setInterval(() => {
    if (parent() === first) return;
    clearInterval(timer);
    onGone();
  }, CHECK_INTERVAL_MS);
  timer.unref();
}
