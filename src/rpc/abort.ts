// Following a caller's signal.
//
// A server may hand one long-lived signal to every call it runs. Each signal gets a single listener, however many calls
// follow it, and none once the last of them has ended: nothing piles up on the signal, and Node does not warn of a leak.

/** What has to hear of the abort. */
export interface Follower {
  cancel(reason: unknown): void;
}

interface Following {
  readonly followers: Set<Follower>;
  readonly listener: () => void;
}

const followed = new WeakMap<AbortSignal, Following>();

/** Tells `follower` once, when `signal` aborts. The signal must not have aborted yet. */
export function follow(signal: AbortSignal, follower: Follower): void {
  let following = followed.get(signal);
  if (following === undefined) {
    const followers = new Set<Follower>();
    following = { followers, listener: () => cancelAll(signal, followers) };
    signal.addEventListener('abort', following.listener, { once: true });
    followed.set(signal, following);
  }
  following.followers.add(follower);
}

/** Ends that. */
export function unfollow(signal: AbortSignal, follower: Follower): void {
  const following = followed.get(signal);
  if (following === undefined) return;
  following.followers.delete(follower);
  if (following.followers.size > 0) return;
  followed.delete(signal);
  try {
    signal.removeEventListener('abort', following.listener);
  } catch {
    // The call has ended. What is no AbortSignal of the platform must not keep its answer back.
  }
}

function cancelAll(signal: AbortSignal, followers: Set<Follower>): void {
  followed.delete(signal);
  for (const follower of followers) follower.cancel(signal.reason);
}
