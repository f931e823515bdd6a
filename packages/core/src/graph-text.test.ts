import { expect, test } from 'vitest';
import { GRAPH_FORMATS, graphText } from './graph-text.ts';
import type { PipelineSpec } from './spec.ts';

const bookings: PipelineSpec = {
  name: 'bookings',
  stages: [
    { name: 'orders', kind: 'fetcher' },
    { name: 'triage', kind: 'mapper', from: 'orders', to: ['big', 'small'] },
    { name: 'reviewed', kind: 'mapper', from: 'triage#big' },
    { name: 'end', kind: 'mapper', from: 'reviewed', inline: true },
    { name: 'booked', kind: 'saver', from: ['end', 'triage#small'] },
  ],
};

test('Mermaid gets a shape for each kind, branches by name, and dashes to inline stages', () => {
  expect(graphText(bookings, 'mermaid')).toBe(`---
title: "bookings"
---
flowchart LR
  s0(["orders"])
  s1{"triage"}
  s2["reviewed"]
  s3["end"]
  s4[("booked")]
  s0 --> s1
  s1 -->|"big"| s2
  s2 -.-> s3
  s3 --> s4
  s1 -->|"small"| s4
`);
});

test('Graphviz gets the same', () => {
  expect(graphText(bookings, 'dot')).toBe(`digraph "bookings" {
  rankdir=LR;
  label="bookings";
  s0 [label="orders" shape=box style=rounded];
  s1 [label="triage" shape=diamond];
  s2 [label="reviewed" shape=box];
  s3 [label="end" shape=box];
  s4 [label="booked" shape=cylinder];
  s0 -> s1;
  s1 -> s2 [label="big"];
  s2 -> s3 [style=dashed];
  s3 -> s4;
  s1 -> s4 [label="small"];
}
`);
});

test('programs get the same as JSON', () => {
  expect(JSON.parse(graphText(bookings, 'json'))).toEqual({
    pipeline: 'bookings',
    stages: [
      { name: 'orders', kind: 'fetcher' },
      { name: 'triage', kind: 'route' },
      { name: 'reviewed', kind: 'mapper' },
      { name: 'end', kind: 'mapper' },
      { name: 'booked', kind: 'saver' },
    ],
    links: [
      { from: 'orders', to: 'triage', link: 'queue' },
      { from: 'triage', branch: 'big', to: 'reviewed', link: 'queue' },
      { from: 'reviewed', to: 'end', link: 'inline' },
      { from: 'end', to: 'booked', link: 'queue' },
      { from: 'triage', branch: 'small', to: 'booked', link: 'queue' },
    ],
  });
});

test('a name is never more than a name, whatever is in it', () => {
  const name = 'a"]; b\\"\n&quot;#35;`<c>';
  const odd = { name, stages: [{ name, kind: 'fetcher' as const }] };
  const [drawn, graphviz, json] = GRAPH_FORMATS.map((format) => graphText(odd, format));
  expect(drawn?.split('\n')[4]).toMatch(/^ {2}s0\(\["[\w #;.-]+"\]\)$/);
  expect(graphviz).toContain('s0 [label="a\\"]; b\\\\\\"\\n&amp;quot;#35;`<c>" shape');
  expect(JSON.parse(json ?? '')).toMatchObject({ pipeline: name, stages: [{ name }] });
});

test('a join is a hexagon, and its arrows have the names of the parts', () => {
  const graph: PipelineSpec = {
    name: 'checks',
    stages: [
      { name: 'photos', kind: 'fetcher' },
      { name: 'sort', kind: 'mapper', from: 'photos', to: ['a'] },
      { name: 'match', kind: 'mapper', from: 'sort#a' },
      {
        name: 'kyc',
        kind: 'mapper',
        from: ['match', 'sort#a', 'photos'],
        join: { fork: 'photos', parts: ['score', 'first'], missing: 'dead' },
      },
      { name: 'files', kind: 'saver', from: 'kyc' },
    ],
  };
  expect(graphText(graph, 'mermaid').split('\n').slice(4)).toEqual([
    '  s0(["photos"])',
    '  s1{"sort"}',
    '  s2["match"]',
    '  s3{{"kyc"}}',
    '  s4[("files")]',
    '  s0 --> s1',
    '  s1 -->|"a"| s2',
    '  s2 -->|"score"| s3',
    '  s1 -->|"a, first"| s3',
    '  s0 --> s3',
    '  s3 --> s4',
    '',
  ]);
  expect(graphText(graph, 'dot')).toContain('s3 [label="kyc" shape=hexagon];');
  expect(graphText(graph, 'dot')).toContain('s2 -> s3 [label="score"];');
});
