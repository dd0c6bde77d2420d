# frozen_string_literal: true

require_relative "helper"

class ThreadsTest < OciregTest
  def test_one_client_serves_many
    reference = put_image
    digest = client.manifest_digest(reference)
    threads = Array.new(8) do
      Thread.new do
        20.times do
          raise "another digest" unless client.manifest(reference).digest == digest
          raise "no error" unless (client.manifest("#{reference}x") rescue $!).is_a?(Ocireg::NotFound) # rubocop:disable Style/RescueModifier
        end
      end
    end
    threads.each(&:value)
    pass
  end

  def test_collecting_garbage_in_any_order
    repository = new_repository
    reference = "#{repository}@#{client.put_blob(repository, "x" * 100_000)["digest"]}"
    GC.stress = false
    50.times do
      other = Ocireg::Client.new(plain_http: true)
      reader = other.open_blob(reference)
      reader.read(1)
      other = nil # rubocop:disable Lint/UselessAssignment
      GC.start
      raise "other bytes" unless reader.read.bytesize == 99_999
    end
    pass
  end
end
