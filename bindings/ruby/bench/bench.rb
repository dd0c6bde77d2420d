# frozen_string_literal: true

# Ruby compared with C, alternating, the best of a few rounds of each. Fails when Ruby is too slow.
require "ocireg"

C_PROGRAM = ARGV.fetch(0)
ROUNDS = 12
# Calls take many short rounds: when the system wakes the worker on another processor, that alone exceeds the limit for
# a call, and only rounds where both threads share a processor show the cost of this gem.
CALL_ROUNDS = 60
CALLS = 2_000
EXPLAINS = 500
SIZE = 256 * 1024 * 1024
REFERENCE = "quay.io/prometheus/busybox:latest"

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

def timed
  begun = now
  yield
  now - begun
end

def in_c(what, argument, times) = Float(IO.popen([C_PROGRAM, what, argument, times.to_s], &:read))

# The seconds of both, the best of all rounds.
def both(what, argument, times, rounds, &block)
  rounds = Array.new(rounds) { [in_c(what, argument, times), timed { times.times(&block) }] }
  rounds.transpose.map(&:min)
end

def report_call(name, what, argument, times, &block)
  c, ruby = both(what, argument, times, CALL_ROUNDS, &block).map { |seconds| seconds / times * 1e6 }
  over = ruby - c
  puts format("%-42s C %8.2f us   Ruby %8.2f us   over C %7.2f us (limit 50)", name, c, ruby, over)
  over < 50
end

# `least` is the part of C's rate that it must reach, or nil where Ruby does more than C (it writes).
def report_rate(name, blob, least, &block)
  c, ruby = both("stream", blob, 1, ROUNDS, &block).map { |seconds| SIZE / seconds / 1e6 }
  wanted = least ? format("at least %d", least * 100) : "reads only in C"
  puts format("%-42s C %8.0f MB/s Ruby %8.0f MB/s %3.0f %% of C (%s)", name, c, ruby, ruby / c * 100, wanted)
  least.nil? || ruby / c >= least
end

client = Ocireg::Client.new(plain_http: true)
repository = "#{ENV.fetch("OCIREG_TEST_V3")}/bench/blob"
blob = "#{repository}@#{client.put_blob(repository, Random.new(1).bytes(SIZE))["digest"]}"
GC.start

good = [
  report_call("parsing a name", "parse", REFERENCE, CALLS) { Ocireg::Reference.parse(REFERENCE) },
  report_call("an interruptible call without I/O", "explain", REFERENCE, EXPLAINS) { client.explain(REFERENCE) },
  report_rate("a blob, chunk by chunk", blob, 0.9) { client.open_blob(blob) { |io| io.each_chunk { |chunk| chunk } } },
  report_rate("a blob by read(512 KiB, buffer)", blob, 0.9) do
    buffer = String.new
    client.open_blob(blob) { |io| nil while io.read(512 * 1024, buffer) }
  end,
  report_rate("a blob by IO.copy_stream to the null device", blob, nil) do
    client.open_blob(blob) { |io| IO.copy_stream(io, File::NULL) }
  end
]
exit(good.all?)
