// The places with the highest values, found in one pass with a bounded heap: n places cost n comparisons, and log k more
// for each one that makes it into the best k.

/**
 * Of the places 0 … `places` − 1 the `most` ones whose value is highest, highest first; of equal values the lower place
 * comes first. A value below 0 leaves its place out.
 */
export function highest(places: number, valueAt: (place: number) => number, most: number): number[] {
  // A heap in two arrays: its root is the place that the next better one replaces.
  const heap: number[] = [];
  const values: number[] = [];

  const worse = (a: number, b: number) => {
    const difference = (values[a] as number) - (values[b] as number);
    return difference === 0 ? (heap[a] as number) > (heap[b] as number) : difference < 0;
  };
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b] as number, heap[a] as number];
    [values[a], values[b]] = [values[b] as number, values[a] as number];
  };
  const rise = (at: number) => {
    for (let parent = (at - 1) >> 1; at > 0 && worse(at, parent); at = parent, parent = (at - 1) >> 1) swap(at, parent);
  };
  const sink = (end: number) => {
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < end && worse(child, worst)) worst = child;
      if (worst === at) return;
      swap(at, worst);
      at = worst;
    }
  };

  for (let place = 0; place < places; place++) {
    const value = valueAt(place);
    if (value < 0) continue;
    if (heap.length < most) {
      heap.push(place);
      values.push(value);
      rise(heap.length - 1);
    } else if (value > (values[0] as number)) {
      heap[0] = place;
      values[0] = value;
      sink(most);
    }
  }
  // Taking the worst away again and again sorts the heap in place.
  for (let end = heap.length - 1; end > 0; end--) {
    swap(0, end);
    sink(end);
  }
  return heap;
}
