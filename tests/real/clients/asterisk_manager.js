// asterisk-manager, as its users use it. Arguments: PORT USERNAME SECRET. Reports one JSON object a line.
// After "restart" it waits for a line on standard input: the PBX has been restarted meanwhile.
'use strict';
const [port, username, secret] = process.argv.slice(2);
const report = (step, facts) => process.stdout.write(JSON.stringify({ step, ...facts }) + '\n');
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const log = console.log;
console.log = (...words) => console.error(...words); // it tells of reconnects on standard output

let ami = require('asterisk-manager')(port, '127.0.0.1', username, secret, true);
ami.keepConnected();
const ask = (action) => new Promise((done, fail) => {
  const timer = setTimeout(() => fail(new Error('no answer to ' + action.action)), 20000);
  ami.action(action, (error, answer) => { clearTimeout(timer); error ? fail(new Error(error.message)) : done(answer); });
});
const event = (name, wanted) => new Promise((done, fail) => {
  const timer = setTimeout(() => fail(new Error('no event ' + name)), 20000);
  const look = (one) => { if (wanted(one)) { clearTimeout(timer); ami.removeListener(name, look); done(one); } };
  ami.on(name, look);
});

async function main() {
  await event('response', (answer) => answer.message === 'Authentication accepted');
  report('login', { method: 'secret' });
  report('ping', { answer: (await ask({ action: 'Ping' })).ping });
  const items = [];
  const collect = (item) => items.push(item);
  ami.on('coreshowchannel', collect);
  const complete = event('coreshowchannelscomplete', (one) => one.actionid === 'the-list');
  await ask({ action: 'CoreShowChannels', actionid: 'the-list' });
  await complete;
  const names = items.filter((item) => item.actionid === 'the-list').map((item) => item.channel);
  report('list', { items: names.length, distinct: new Set(names).size });
  // Its reader takes "Message: Command output follows" like any header; Output comes as a list or a text.
  report('command', { output: [].concat((await ask({ action: 'Command', command: 'core show version' })).output)[0] });
  await ask({ action: 'Setvar', variable: 'ASTERISKMANAGER', value: 'smörgås' });
  report('getvar', { value: (await ask({ action: 'Getvar', variable: 'ASTERISKMANAGER' })).value });
  const call = { action: 'Originate', channel: 'Local/instant@amp-legs/n', context: 'amp-load', exten: 'none', priority: 1,
    timeout: 15000 };
  report('originate_sync', { response: (await ask({ ...call })).response });
  const originated = event('originateresponse', (one) => one.actionid === 'the-call');
  ami.action({ ...call, async: 'true', actionid: 'the-call' });
  report('originate_async', { response: [].concat((await originated).response)[0] });
  const mine = event('userevent', (one) => one.userevent === 'AsteriskManager');
  await ask({ action: 'UserEvent', userevent: 'AsteriskManager', note: 'mine' });
  report('userevent', { note: (await mine).note });
  report('restart');
  await new Promise((done) => process.stdin.once('data', done));
  for (let attempt = 0; ; attempt++) {
    if (attempt > 200) throw new Error('never came back');
    const answer = await Promise.race([ask({ action: 'CoreStatus' }).catch(() => null), sleep(1000)]);
    if (answer && answer.response === 'Success') break;
    await sleep(100);
  }
  report('back');
  process.exit(0);
}
main().catch((error) => { console.error(error); process.exit(1); });
