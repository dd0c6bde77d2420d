# frozen_string_literal: true

# loops.rb REFERENCE HOW COUNT: what a scheduler of fibers feels of COUNT downloads of a blob at once: HOW is fibers, or threads beside it.
# Prints the longest time between two turns of a fiber that sleeps 5 ms, and the most threads of the process.

require "ocireg"
require_relative "../../bindings/ruby/test/scheduler"

reference, how, count = ARGV[0], ARGV[1], Integer(ARGV[2])
client = Ocireg::Client.new(plain_http: true)
now = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
nowhere = File.open("/dev/null", "w")
left = count
failed = worst = most = 0
download = lambda do
  client.blob_to_io(reference, nowhere)
rescue Ocireg::Error
  failed += 1
ensure
  left -= 1
end
watch = lambda do
  last = now.call
  while left.positive?
    sleep 0.005
    worst = [worst, now.call - last].max
    most = [most, File.read("/proc/self/status")[/^Threads:\s*(\d+)/, 1].to_i].max
    last = now.call
  end
end
begun = now.call
Thread.new do
  Fiber.set_scheduler(scheduler = Scheduler.new)
  Fiber.schedule(&watch)
  count.times { how == "fibers" ? Fiber.schedule(&download) : Thread.new(&download) }
  scheduler.run
  Fiber.set_scheduler(nil)
end.join
puts format("ruby, %-10s %4d downloads: %7.0f ms, longest time between two turns %6.1f ms, %4d threads, %d failures",
            how, count, (now.call - begun) * 1e3, worst * 1e3, most, failed)
