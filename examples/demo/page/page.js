// Live plots of `/state`: the last minute, two readings a second.

import uPlot from '/uplot.js';

const EVERY_MS = 500;
const KEPT = 120;
const GREEN = '#2a9d4a';
const RED = '#d1382c';
const ORANGE = '#e08a00';
const PURPLE = '#7a4fbf';

const byId = (id) => document.getElementById(id);

function plot(where, names, colours) {
  const series = names.map((label, i) => ({ label, stroke: colours[i], width: 2 }));
  const scales = { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max, 1) * 1.1] } };
  const options = { width: 960, height: 200, scales, series: [{ label: 's' }, ...series] };
  const data = [[], ...names.map(() => [])];
  const chart = new uPlot(options, data, byId(where));
  return (seconds, values) => {
    [seconds, ...values].forEach((value, i) => {
      data[i].push(value);
      if (data[i].length > KEPT) data[i].shift();
    });
    chart.setData(data);
  };
}

const addChecks = plot('checks', ['admitted', 'rejected'], [GREEN, RED]);
const addCircuits = plot('circuits', ['closed', 'open', 'half-open', 'recovering'], [GREEN, RED, ORANGE, PURPLE]);

function showTop(peers) {
  const rows = peers.map(({ id, allowed, rateLimited, circuitRejected, circuitState }) => {
    const row = document.createElement('tr');
    for (const value of [id, allowed, rateLimited, circuitRejected, circuitState]) row.insertCell().textContent = value;
    return row;
  });
  byId('top').replaceChildren(...rows);
}

let last;
async function look() {
  const { at, decisions, circuits, top } = await (await fetch('/state')).json();
  const admitted = decisions.allowed;
  const rejected = decisions.rate_limited + decisions.circuit_open + decisions.table_full;
  if (last !== undefined) {
    const seconds = (at - last.at) / 1000;
    addChecks(at / 1000, [(admitted - last.admitted) / seconds, (rejected - last.rejected) / seconds]);
    addCircuits(at / 1000, [circuits.closed, circuits.open, circuits.half_open, circuits.recovering]);
  }
  last = { at, admitted, rejected };
  byId('admitted').textContent = admitted;
  byId('rejected').textContent = rejected;
  byId('open').textContent = circuits.open;
  showTop(top);
}

// The server may have come to its end: then the last picture stays.
const again = () =>
  look().then(
    () => setTimeout(again, EVERY_MS),
    () => {},
  );
again();
