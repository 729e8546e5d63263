// Asks every second, draws the plots, and puts the facts of the page as the server renders it now in place of the old.
'use strict';
(() => {
  const kept = 120;  // samples: two minutes
  const plots = [
    {id: 'connections', series: [now => now.connections_open], unit: n => count(n)},
    {id: 'throughput', series: [(now, was, s) => (now.received_from_clients - was.received_from_clients) / s,
                                (now, was, s) => (now.sent_to_clients - was.sent_to_clients) / s], unit: n => bytes(n) + '/s'},
    {id: 'handshakes', series: [(now, was, s) => (now.handshakes_ok - was.handshakes_ok) / s,
                                (now, was, s) => (now.handshakes_failed - was.handshakes_failed) / s], unit: n => count(n) + '/s'},
  ];
  let before = null;

  const count = n => n < 10 && n % 1 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
  function bytes(n) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    while (n >= 1000 && i < units.length - 1) { n /= 1000; ++i; }
    return (i > 0 && n < 100 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
  }
  const say = (id, text) => { document.getElementById(id).textContent = text; };

  function draw(plot) {
    const width = 300, height = 84;
    const top = Math.max(1, ...plot.samples.flat());
    const lines = plot.samples.map(samples => samples.map((value, i) => {
      const x = width - (samples.length - 1 - i) * width / (kept - 1);
      return x.toFixed(1) + ' ' + (height - 2 - value / top * (height - 6)).toFixed(1);
    }));
    const svg = document.querySelector('#' + plot.id + ' svg');
    svg.querySelectorAll('path').forEach(path => path.remove());
    const add = (kind, d) => {
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('class', kind);
      path.setAttribute('d', d);
      svg.append(path);
    };
    const first = lines[0][0].split(' ')[0];
    if (lines.length === 1) add('area', `M${first} ${height}L${lines[0].join('L')}L${width} ${height}Z`);
    lines.forEach((line, i) => add(i ? 'two' : 'one', 'M' + line.join('L')));
    say(plot.id + '-top', 'most ' + plot.unit(Math.max(...plot.samples.flat())));
  }

  function take(now) {
    const was = before && now.uptime_seconds >= before.uptime_seconds ? before : now;
    const passed = Math.max(now.uptime_seconds - was.uptime_seconds, 0.001);
    before = now;
    for (const plot of plots) {
      plot.samples = plot.samples || plot.series.map(() => []);
      plot.series.forEach((value, i) => {
        const latest = Math.max(0, value(now, was, passed));
        plot.samples[i].push(latest);
        if (plot.samples[i].length > kept) plot.samples[i].shift();
        say(plot.id + '-' + i, plot.unit(latest));
      });
      draw(plot);
    }
  }

  async function get(path) {
    const answer = await fetch(path, {cache: 'no-store'});
    if (!answer.ok) throw new Error(answer.status);
    return answer;
  }

  async function look() {
    const live = document.getElementById('live');
    try {
      take(await (await get('status.json')).json());
      const fresh = new DOMParser().parseFromString(await (await get('.')).text(), 'text/html');
      for (const old of document.querySelectorAll('[data-facts]')) {
        const made = fresh.getElementById(old.id);
        if (made && made.innerHTML !== old.innerHTML) old.innerHTML = made.innerHTML;
      }
      live.textContent = 'live';
      live.className = '';
    } catch {
      live.textContent = 'no answer since ' + (live.dataset.since || (live.dataset.since = new Date().toLocaleTimeString()));
      live.className = 'lost';
    }
    if (!live.className) delete live.dataset.since;
    setTimeout(look, 1000);
  }
  look();
})();
