# frozen_string_literal: true

# As little of a scheduler of fibers as tests and benchmarks need.
class Scheduler
  def initialize
    @sleeping = {}.compare_by_identity
    @blocked = {}.compare_by_identity
    @readable = {}.compare_by_identity
    @limits = {}.compare_by_identity
    @ready = Thread::Queue.new
    @called, @call = IO.pipe
  end

  def run
    turn until @sleeping.empty? && @blocked.empty? && @readable.empty? && @ready.empty?
  end
  alias close run

  def fiber(&) = Fiber.new(blocking: false, &).tap(&:resume)

  def kernel_sleep(duration = nil) = block(nil, duration)

  def block(_, timeout = nil)
    fiber = Fiber.current
    timeout ? @sleeping[fiber] = now + timeout : @blocked[fiber] = true
    Fiber.yield
  ensure
    @sleeping.delete(fiber)
    @blocked.delete(fiber)
  end

  # Timeout.timeout is this in a fiber.
  def timeout_after(duration, kind, message)
    fiber = Fiber.current
    @limits[fiber] = [now + duration, kind, message]
    yield duration
  ensure
    @limits.delete(fiber)
  end

  # From any thread.
  def unblock(_, fiber)
    @ready.push(fiber)
    @call.write_nonblock(".")
  end

  def io_wait(io, events, _)
    raise ArgumentError, "only reading is waited for" unless events == IO::READABLE

    @readable[io] = Fiber.current
    Fiber.yield
    events
  end

  private

  def turn
    limit = @ready.empty? ? [([*@sleeping.values, *@limits.values.map(&:first)].min || (now + 1)) - now, 0].max : 0
    ready, = IO.select([@called, *@readable.keys], nil, nil, limit)
    Array(ready).each { |io| io.equal?(@called) ? @called.read_nonblock(1000) : @readable.delete(io).resume }
    @limits.select { |_, (time)| time <= now }.each { |fiber, (_, *raised)| @limits.delete(fiber) && fiber.raise(*raised) }
    @sleeping.select { |_, time| time <= now }.each_key { |fiber| fiber.resume if fiber.alive? }
    @ready.pop.tap { |fiber| fiber.resume if fiber.alive? } until @ready.empty?
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
