// Peer: nlp.js. Reads a job (see bench/workers/phases.py) as JSON on stdin, learns every task, answers, and prints JSON.
'use strict';

const { containerBootstrap } = require('@nlpjs/core');
const { Nlp } = require('@nlpjs/nlp');
const { LangEn } = require('@nlpjs/lang-en');
const { LangJa } = require('@nlpjs/lang-ja');

// A container of its own for each task, since models of one container share their sentences.
async function empty() {
  const container = await containerBootstrap();
  for (const part of [Nlp, LangEn, LangJa]) container.use(part);
  const nlp = container.get('nlp');
  Object.assign(nlp.settings, { autoSave: false, log: false, modelFileName: '' });
  nlp.addLanguage('en');
  nlp.addLanguage('ja');
  return nlp;
}

async function learn(rows) {
  const nlp = await empty();
  for (const [bare, , language, label] of rows) nlp.addDocument(language, bare, label);
  await nlp.train();
  return nlp;
}

async function scores(nlp, [bare, , language]) {
  const found = await nlp.process(language, bare);
  const all = {};
  for (const { intent, score } of found.classifications) if (intent !== 'None' && score > 1e-5) all[intent] = Number(score.toFixed(6));
  return all;
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const job = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  const say = process.stdout.write.bind(process.stdout);
  console.log = () => {};
  const started = process.hrtime.bigint();
  const models = {};
  for (const [name, task] of Object.entries(job.tasks)) {
    const before = process.hrtime.bigint();
    models[name] = await learn(task.train);
    process.stderr.write(`nlp.js: ${name}, ${task.train.length} sentences, ${Number(process.hrtime.bigint() - before) / 1e9} s\n`);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const busy = process.cpuUsage();
  const peak = process.resourceUsage().maxRSS / 1024;
  const latency = [];
  for (let round = 0; round <= job.rounds; round += 1) {
    const times = [];
    for (const message of job.timed) {
      const before = process.hrtime.bigint();
      for (const [task, ...sentence] of message) await scores(models[task], sentence);
      times.push(Number(process.hrtime.bigint() - before) / 1e6);
    }
    if (round > 0) latency.push(times);
  }
  const held = process.memoryUsage().rss / 1024 ** 2;
  const tasks = {};
  for (const [name, task] of Object.entries(job.tasks)) {
    tasks[name] = [];
    for (const sentence of task.test) tasks[name].push(await scores(models[name], sentence));
  }
  await new Promise((done) => say(`\n${JSON.stringify({ seconds, cpu_seconds: (busy.user + busy.system) / 1e6, peak_mb: peak, held_mb: held, latency_ms: latency, tasks, facts: { models: Object.keys(models).length, node: process.version } })}\n`, done));
  process.exit(0);
}

main().catch((error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); });
