-- What wrk sends beside its usual GET, and what it says at the end: one line of JSON for bench/load.py.
--    wrk … -s load.lua URL -- BYTES COOKIES
-- BYTES: size of the body to post; 0: GET. COOKIES: a file with a Cookie field's value in each line, one for each
-- request in turn; empty: what wrk was told on its command line is all.

function init(arguments)
   local bytes, file = tonumber(arguments[1]), arguments[2]
   if bytes > 0 then
      wrk.method, wrk.body = "POST", string.rep("x", bytes)
   end
   if file ~= "" then
      local requests, turn = {}, 0
      for line in io.lines(file) do
         wrk.headers["Cookie"] = line
         requests[#requests + 1] = wrk.format()
      end
      request = function()
         turn = turn % #requests + 1
         return requests[turn]
      end
   end
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      '{"requests": %d, "p50_ms": %.4f, "p99_ms": %.4f, "wrong": {"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}',
      summary.requests, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
