// The program under test of test_node.py: it fetches a URL, prints the status, and exits with 1 where there is none.
// It asks again after a broken connection or a 503, and waits as long as Retry-After says. fetch() refuses a redirect
// loop by itself.
import { setTimeout as pause } from 'node:timers/promises';

const ATTEMPTS = 3;
const BROKEN = new Set(['ECONNRESET', 'UND_ERR_SOCKET']);

async function get(url) {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await fetch(url);
      await response.arrayBuffer();
      if (response.status !== 503 || attempt === ATTEMPTS) return response.status;
      await pause(1000 * Number(response.headers.get('retry-after')));
    } catch (error) {
      if (!BROKEN.has(error.cause?.code) || attempt === ATTEMPTS) throw error;
    }
  }
}

try {
  console.log(await get(process.argv[2]));
} catch (error) {
  console.error(`${error.message}: ${error.cause?.message}`);
  process.exitCode = 1;
}
