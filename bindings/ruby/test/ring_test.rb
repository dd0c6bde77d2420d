# frozen_string_literal: true

require_relative "helper"
require_relative "passage_filler"

# The memory between a reader's worker and the thread that takes the bytes, without a registry.
class RingTest < OciregTest
  include PassageFiller

  def test_all_bytes_come_once_and_in_order
    random = Random.new(1)
    300.times do
      data = random.bytes(random.rand(0..3000))
      ring = Ocireg::Ring.new([4, 5, 7, 64, 1000].sample(random: random))
      filled(ring, data, random) { assert_equal data, taken(ring, random) }
    end
  end

  def taken(ring, random)
    out = "".b
    buffer = +"x"
    loop do
      ring.release(out.bytesize)
      there = ring.await(out.bytesize, random.rand(1..200))
      return out if there.zero?

      count = [there, random.rand(1..200)].min
      buffer = "é" * count if random.rand < 0.3
      out << (random.rand < 0.5 ? ring.bytes(out.bytesize, count) : ring.into(buffer, out.bytesize, count))
    end
  end

  # Strings may share their memory, and Ruby caches what it knows about one.
  def test_a_buffer_is_changed_and_nothing_else
    filled(Ocireg::Ring.new(64), "abcdefgh", Random.new(1)) do |ring|
      ring.await(0, 8)
      buffer = "é" * 4
      copy = buffer.dup
      refute_predicate buffer, :ascii_only?
      assert_same buffer, ring.into(buffer, 0, 8)
      assert_equal ["abcdefgh", true, Encoding::BINARY, "é" * 4], [buffer, buffer.ascii_only?, buffer.encoding, copy]
      assert_raises(FrozenError) { ring.into("12345678", 0, 8) }
    end
  end

  def test_what_failed_comes_after_the_bytes
    ring = Ocireg::Ring.new(64)
    thread = Thread.new do
      times = 0
      ring.fill { |pointer, _| (times += 1) > 1 ? raise(IOError, "broken") : pointer.put_bytes(0, "ab") && 2 }
    rescue IOError => e
      ring.finish(e)
    end
    assert_equal 2, ring.await(0, 1)
    2.times { assert_raises(IOError) { ring.await(0, 3) } }
    assert_equal "ab", ring.bytes(0, 2)
    thread.join
    closed = Ocireg::Ring.new(64)
    Thread.new { sleep(0.05) && closed.close }
    assert_raises(Ocireg::Closed) { closed.await(0, 1) }
  end
end
