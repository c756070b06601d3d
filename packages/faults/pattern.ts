// How rules name what they match: text in which `*` stands for any characters and `:name` for one segment of
// a path.

export function matcherOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*|(?<=\/):\w+)/)
    .map((part) => {
      if (part === "*") return ".*";
      return part.startsWith(":") && part.length > 1 && /^:\w+$/.test(part) ? "[^/]+" : RegExp.escape(part);
    })
    .join("");
  return new RegExp(`^${source}$`, "s");
}
