# frozen_string_literal: true

require_relative "helper"

# Calls in fibers of a scheduler, as the gem async has one: while a call waits, other fibers run on the same thread.
class FiberTest < OciregTest
  # As little of a scheduler as these tests need.
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

  # What the block schedules, to its end. On a thread of its own, which is the scheduler's.
  def scheduled
    Thread.new do
      Fiber.set_scheduler(scheduler = Scheduler.new)
      yield
      scheduler.run
    ensure
      Fiber.set_scheduler(nil)
    end.value
  end

  def test_other_fibers_run_while_a_call_waits
    silent = TCPServer.new("127.0.0.1", 0)
    turns = 0
    error = nil
    other = Ocireg::Client.new(plain_http: true)
    scheduled do
      Fiber.schedule do
        other.tags("127.0.0.1:#{silent.addr[1]}/a", timeout: 0.5)
      rescue Ocireg::Error => e
        error = e
      end
      Fiber.schedule { (turns += 1) && sleep(0.01) until error }
    end
    assert_kind_of Ocireg::TimeoutError, error
    assert_operator turns, :>, 20
  ensure
    silent&.close
  end

  # A destination that waits holds neither the call nor the other fibers.
  def test_a_destination_that_waits
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 1_000_000)["digest"]}"
    full = [IO.pipe, UNIXSocket.pair]
    other = client
    full.each do |unread, io|
      ends = {
        Ocireg::TimeoutError => -> { other.blob_to_io(reference, io, timeout: 0.3) },
        Timeout::Error => -> { Timeout.timeout(0.3) { other.blob_to_io(reference, io) } }
      }
      ends.each do |kind, call|
        turns = 0
        error = nil
        begun = now
        scheduled do
          Fiber.schedule do
            call.call
          rescue kind => e
            error = e
          end
          Fiber.schedule { (turns += 1) && sleep(0.01) until error || now > begun + 3 }
        end
        assert_kind_of kind, error
        assert_operator now - begun, :<, 1
        assert_operator turns, :>, 10
      end
    ensure
      unread.close
      io.close
    end
  end

  # What is no IO is written to in the fiber.
  def test_a_destination_of_the_fibers_own
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 300_000)["digest"]}"
    other = client
    got = +""
    fibers = []
    scheduled do
      Fiber.schedule do
        fibers << Fiber.current
        io = Object.new.tap { |it| it.define_singleton_method(:write) { |data| (fibers << Fiber.current) && sleep(0.001) && (got << data) } }
        other.blob_to_io(reference, io)
      end
    end
    assert_equal 300_000, got.bytesize
    assert_equal 1, fibers.uniq.size
  end

  def test_calls_of_many_fibers
    repository = new_repository
    digest = client.put_blob(repository, "x" * 300_000)["digest"]
    sizes = []
    scheduled do
      20.times { Fiber.schedule { sizes << client.blob("#{repository}@#{digest}").bytesize } }
      Fiber.schedule { client.open_blob("#{repository}@#{digest}") { |reader| sizes << reader.read.bytesize } }
    end
    assert_equal [300_000] * 21, sizes
  end
end
