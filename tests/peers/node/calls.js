// Makes calls of the official Node SDK, unmodified: see tests/peers/server_sdks.py.
//
//     node calls.js PORT < calls > outcomes
const { readFileSync } = require("fs");
const Client = require("@pusher/push-notifications-server");

async function main() {
  const { instanceId, secretKey, calls } = JSON.parse(readFileSync(0, "utf8"));
  const client = new Client({ instanceId, secretKey, endpoint: "127.0.0.1", port: process.argv[2] });
  const outcomes = [];
  for (const [method, ...rest] of calls) {
    try {
      outcomes.push({ value: await client[method](...rest) });
    } catch (error) {
      outcomes.push({ error: [error.name, error.message] });
    }
  }
  process.stdout.write(JSON.stringify(outcomes));
}

main();
