// The little Markdown that generated pages are made of.

/** A page with its head; every page says that it is not written by hand. */
export function page(title: string, ...parts: readonly string[]): string {
  return pageBy("npm run golden", title, ...parts);
}

/** A page that another command writes. */
export function pageBy(command: string, title: string, ...parts: readonly string[]): string {
  const head = `<!-- Written by \`${command}\` from the code; changes belong there. -->`;
  return `${[head, `# ${title}`, ...parts].join("\n\n")}\n`;
}

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map((row) => line(row.map(cell)))].join("\n");
}

export const code = (text: string): string => `\`${text}\``;

/** Several words as code; a dash where there is none. */
export function codes(words: readonly string[]): string {
  return words.length === 0 ? "–" : words.map(code).join(", ");
}

/** Text for one cell: a bar would end it, and so would a new line. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}
