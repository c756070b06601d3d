// `micronova trace REQUEST`: what became of a request, as a tree with times.
import { reachCloud } from "../running-cloud.ts";

interface Span {
  readonly name: string;
  readonly kind: string;
  readonly started_at: string;
  readonly duration_ms: number | null;
  readonly error: string | null;
  readonly attributes: Readonly<Record<string, string>>;
  readonly spans: readonly Span[];
}

export async function trace(
  requestId: string,
  options: { readonly dataDir: string; readonly format: "table" | "json" },
): Promise<void> {
  const { client } = await reachCloud(options);
  const id = requestId.startsWith("req-") ? requestId : `req-${requestId}`;
  const { trace: root } = await client.call("operations", `/traces/${encodeURIComponent(id)}`);
  process.stdout.write(
    options.format === "json" ? `${JSON.stringify(root, null, 2)}\n` : `${drawing(root).join("\n")}\n`,
  );
}

function drawing(root: Span): string[] {
  const begin = timeOf(root);
  const lines = [
    { text: root.name, span: root },
    ...root.spans.flatMap((span, at) => branch(span, "", at === root.spans.length - 1)),
  ];
  const width = Math.max(...lines.map(({ text }) => text.length));
  return lines.map(({ text, span }) => {
    const since = `+${(timeOf(span) - begin).toFixed(0)} ms`.padStart(9);
    const took = span.duration_ms === null ? "goes on" : `${shown(span.duration_ms)} ms`;
    return `${text.padEnd(width)}  ${since}  ${took.padStart(10)}  ${remark(span)}`.trimEnd();
  });
}

interface Line {
  readonly text: string;
  readonly span: Span;
}

function branch(span: Span, indent: string, isLast: boolean): Line[] {
  const inner = indent + (isLast ? "   " : "│  ");
  return [
    { text: `${indent}${isLast ? "└─ " : "├─ "}${span.name}`, span },
    ...span.spans.flatMap((one, at) => branch(one, inner, at === span.spans.length - 1)),
  ];
}

function remark({ error, attributes }: Span): string {
  const { status, state, result, attempt } = attributes;
  const said = [status, state, result === "success" ? undefined : result].filter((one) => one !== undefined);
  const again = attempt !== undefined && attempt !== "1" ? [`attempt ${attempt}`] : [];
  return [...said, ...again, ...(error === null ? [] : [error])].join("; ");
}

// Times of the API end without a zone, and are UTC.
const timeOf = (span: Span): number => Date.parse(`${span.started_at.slice(0, 23)}Z`);

const shown = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
