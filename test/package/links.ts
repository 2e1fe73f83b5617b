// Links in Markdown: where they lead, and which sections a page has.

/** The text without blocks and spans of code, in which nothing is a link. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^(`{3,}|~{3,}).*\n[\s\S]*?^\1$/gm, '').replace(/(`+)[^`][\s\S]*?\1/g, (span) =>
    // A span that holds a link's text keeps its length, and loses what could be taken for one.
    span.replace(/[[\]()]/g, ' '),
  );
}

/** The targets of all links and pictures that are not addresses on the network. */
export function relativeLinksOf(markdown: string): string[] {
  const text = withoutCode(markdown);
  const targets = [
    ...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ].map(([, target]) => target as string);
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

/** The anchors of a page: of each heading what GitHub and npm make of it, and those that are written as HTML. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const [, heading = ''] of markdown.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]+>/g, '');
    const anchor = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`);
  }
  for (const [, name = ''] of markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  return anchors;
}
