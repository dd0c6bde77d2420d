# frozen_string_literal: true

require_relative "helper"
require_relative "passage_filler"

# The Strings between a reader's worker and the thread that takes them, without a registry.
class ChunksTest < OciregTest
  include PassageFiller

  def test_all_bytes_come_once_and_in_order
    random = Random.new(1)
    100.times do
      data = random.bytes(random.rand(0..3000))
      filled(Ocireg::Chunks.new, data, random) { |chunks| assert_equal data, taken(chunks, random) }
    end
  end

  # The thread that takes a String may modify it.
  def taken(chunks, random)
    out = "".b
    loop do
      chunks.release(out.bytesize)
      there = chunks.await(out.bytesize, 1)
      return out if there.zero?

      piece = chunks.bytes(out.bytesize, [there, random.rand(1..80)].min)
      out << piece
      piece << "changed" if random.rand < 0.5
    end
  end

  def test_only_a_few_wait
    calls = 0
    chunks = Ocireg::Chunks.new
    thread = Thread.new { chunks.fill { |pointer, _| pointer.put_bytes(0, "x").then { calls += 1 } && 1 } }
    Thread.pass until thread.stop?
    assert_equal Ocireg::Chunks::MOST, calls
    chunks.close
    thread.join
  end

  def test_what_failed_comes_after_the_bytes
    chunks = Ocireg::Chunks.new
    given = false
    chunks.fill { |pointer, _| given ? 0 : (given = true) && pointer.put_bytes(0, "abc") && 3 }
    chunks.finish(IOError.new("gone"))
    assert_equal [3, "abc"], [chunks.await(0, 10), chunks.bytes(0, 3)]
    chunks.release(3)
    assert_raises(IOError) { chunks.await(3, 1) }
  end
end
