// Waiting without fixed sleeps: ask again until the answer is there or the deadline has passed.
import { setTimeout as pause } from 'node:timers/promises';

/// Repeats `question` until it gives something other than undefined, null or false.
///
/// @param what      What is being waited for, for the error's text.
/// @param question  Async; what it throws ends the wait.
/// @errors          The deadline passed.
export async function until(what, question, timeout_ms = 10_000) {
  const deadline = Date.now() + timeout_ms;
  for (;;) {
    const answer = await question();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${timeout_ms} ms: ${what}`);
    await pause(20);
  }
}

/// The promise's value, or an error that names what was awaited.
export function within(timeout_ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeout_ms} ms: ${what}`)), timeout_ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
