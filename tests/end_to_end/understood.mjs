// An app of Node.js that writes down what it understood of each request: node understood.mjs PORT FILE
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, file] = process.argv.slice(2);

createServer((request, response) => {
  let size = 0;
  request.on('data', (piece) => { size += piece.length; });
  request.on('end', () => {
    appendFileSync(file, `${JSON.stringify({ method: request.method, target: request.url, size })}\n`);
    response.writeHead(200, { 'X-Origin': '1', 'Content-Length': 2 });
    response.end('ok');
  });
}).listen(Number(port), '127.0.0.1');
