// asterisk-ami-client, as its users use it. Arguments: PORT USERNAME SECRET. Reports one JSON object a line.
// After "restart" it waits for a line on standard input: the PBX has been restarted meanwhile.
'use strict';
const AmiClient = require('asterisk-ami-client');
const [port, username, secret] = process.argv.slice(2);
const report = (step, facts) => process.stdout.write(JSON.stringify({ step, ...facts }) + '\n');
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

const client = new AmiClient({ reconnect: true, attemptsDelay: 200, maxAttemptsCount: 300 });
client.on('internalError', (error) => console.error(error.message));
let number = 0;
const ask = (action) => client.action({ ActionID: 'q' + ++number, ...action }, true);
const event = (wanted) => new Promise((done, fail) => {
  const timer = setTimeout(() => fail(new Error('the event did not come')), 20000);
  const look = (one) => { if (wanted(one)) { clearTimeout(timer); client.removeListener('event', look); done(one); } };
  client.on('event', look);
});

async function main() {
  await client.connect(username, secret, { host: '127.0.0.1', port: Number(port) });
  report('login', { method: 'secret' });
  report('ping', { answer: (await ask({ Action: 'Ping' })).Ping });
  const items = [];
  const collect = (item) => item.Event === 'CoreShowChannel' && items.push(item);
  client.on('event', collect);
  const complete = event((one) => one.Event === 'CoreShowChannelsComplete' && one.ActionID === 'the-list');
  await ask({ Action: 'CoreShowChannels', ActionID: 'the-list' });
  await complete;
  const names = items.filter((item) => item.ActionID === 'the-list').map((item) => item.Channel);
  report('list', { items: names.length, distinct: new Set(names).size });
  const version = await ask({ Action: 'Command', Command: 'core show version' });
  report('command', { output: [].concat(version.Output || version.$content)[0] });
  await ask({ Action: 'Setvar', Variable: 'AMICLIENT', Value: 'smörgås' });
  report('getvar', { value: (await ask({ Action: 'Getvar', Variable: 'AMICLIENT' })).Value });
  const call = { Action: 'Originate', Channel: 'Local/instant@amp-legs/n', Context: 'amp-load', Exten: 'none', Priority: 1,
    Timeout: 15000 };
  report('originate_sync', { response: (await ask({ ...call })).Response });
  const originated = event((one) => one.Event === 'OriginateResponse' && one.ActionID === 'the-call');
  client.action({ ...call, Async: 'true', ActionID: 'the-call' });
  report('originate_async', { response: (await originated).Response });
  const mine = event((one) => one.Event === 'UserEvent' && one.UserEvent === 'AmiClient');
  await ask({ Action: 'UserEvent', UserEvent: 'AmiClient', Note: 'mine' });
  report('userevent', { note: (await mine).Note });
  report('restart');
  await new Promise((done) => process.stdin.once('data', done));
  for (let attempt = 0; ; attempt++) {
    if (attempt > 200) throw new Error('never came back');
    const answer = await Promise.race([ask({ Action: 'CoreStatus' }).catch(() => null), sleep(1000)]);
    if (answer && answer.Response === 'Success') break;
    await sleep(100);
  }
  report('back');
  process.exit(0);
}
main().catch((error) => { console.error(error); process.exit(1); });
