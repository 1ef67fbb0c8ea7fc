// What the Node.js peers share, as measure.py for those in Python: a job from stdin, a hundred messages
// in flight, figures to stdout.
import { readFileSync } from "node:fs";

const WARM_UP = 200;

export const job = JSON.parse(readFileSync(0, "utf8"));
const pushTokens = readFileSync(job.devices, "utf8")
  .trimEnd()
  .split("\n")
  .slice(0, job.count)
  .map((line) => JSON.parse(line).token);

// send(pushToken) resolves to whether it was taken.
export async function measure(send) {
  await sendAll(pushTokens.slice(0, WARM_UP), send);
  const cpu = process.cpuUsage();
  const beganAt = performance.now();
  const counts = await sendAll(pushTokens, send);
  const wallSeconds = (performance.now() - beganAt) / 1000;
  const used = process.cpuUsage(cpu);
  const figures = {
    ...counts,
    wall_s: wallSeconds,
    cpu_s: (used.user + used.system) / 1e6,
    peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 102.4) / 10,
  };
  process.stdout.write(JSON.stringify(figures) + "\n", () => process.exit(0));
}

async function sendAll(tokens, send) {
  const left = tokens[Symbol.iterator]();
  const counts = { sent: 0, failed: 0 };
  const work = async () => {
    for (const token of left) counts[(await send(token)) ? "sent" : "failed"]++;
  };
  await Promise.all(Array.from({ length: job.in_flight }, work));
  return counts;
}
