// Sends messages with firebase-admin, as it is, to the fake FCM. Standard input: a JSON object with
// port, ca (a file), account, messages. Standard output: a JSON array, of each message the id that
// it got or the code of the error.
//
// The SDK has no setting for another host, so the agent that it opens its connections with leads them
// all to the fake. It still believes to talk to fcm.googleapis.com and oauth2.googleapis.com.
const https = require("node:https");
const { readFileSync } = require("node:fs");
const { connect } = require("node:tls");
const { createRequire } = require("node:module");

const fromHere = createRequire(`${process.cwd()}/package.json`);
const { initializeApp, cert } = fromHere("firebase-admin/app");
const { getMessaging } = fromHere("firebase-admin/messaging");

const { port, ca, account, messages } = JSON.parse(readFileSync(0));
const trusted = readFileSync(ca);

class FakeAgent extends https.Agent {
  createConnection() {
    const servername = "localhost";
    return connect({ host: "127.0.0.1", port, servername, ca: trusted, ALPNProtocols: ["http/1.1"] });
  }
}

https.globalAgent = new FakeAgent();
const app = initializeApp({ credential: cert(account), projectId: account.project_id });

async function main() {
  const results = [];
  for (const message of messages) {
    results.push(await getMessaging(app).send(message).catch((error) => error.code ?? `${error}`));
  }
  console.log(JSON.stringify(results));
}

main();
