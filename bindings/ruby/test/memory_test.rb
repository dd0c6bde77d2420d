# frozen_string_literal: true

require_relative "helper"

# Loops of 10,000 calls do not increase memory use.
class MemoryTest < OciregTest
  CALLS = 10_000
  ALLOWED = 4 * 1024 # KiB
  ROUNDS = 3

  def resident
    GC.start
    GC.compact if GC.respond_to?(:compact)
    File.read("/proc/self/status")[/VmRSS:\s+(\d+)/, 1].to_i
  end

  # The heap settles in the first round or two; a leak grows in every one.
  def flat(&block)
    1_000.times(&block)
    grown = Array.new(ROUNDS) do
      before = resident
      CALLS.times(&block)
      (resident - before).tap { |more| return pass if more < ALLOWED }
    end
    flunk "#{grown.join(", ")} KiB more after #{CALLS} calls each"
  end

  def test_calls_that_ask_nobody
    flat { Ocireg::Reference.parse("quay.io/a/b:c") }
  end

  def test_errors
    flat { Ocireg::Reference.parse("UPPER") rescue nil } # rubocop:disable Style/RescueModifier
  end

  def test_calls_on_workers
    context = Ocireg::Context.new(log: ->(_) {}) { nil }
    flat { client.explain("#{registry}/a", context: context) }
  end

  def test_clients
    flat { Ocireg::Client.new(hosts: { "a.b" => { username: "u", password: "p" } }).close }
  end

  def test_calls_to_a_registry
    manifest = put_image
    flat { client.manifest(manifest) }
  end

  def test_readers
    repository = new_repository
    reference = "#{repository}@#{client.put_blob(repository, "x" * 10_000)["digest"]}"
    flat { client.open_blob(reference) { |reader| reader.read(100) } }
  end
end
