// A program in CommonJS that runs a pipeline from its first to its last record, and prints the report.
const { runPipeline } = require('leat');

async function main() {
  const report = await runPipeline('./src/pipeline.ts', { params: { out: 'out/whole-run' } });
  console.log(JSON.stringify(report));
}

main();
