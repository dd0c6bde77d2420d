# frozen_string_literal: true

require_relative "helper"
require_relative "scheduler"

# Calls in fibers of a scheduler, as the gem async has one: while a call waits, other fibers run on the same thread.
class FiberTest < OciregTest
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
