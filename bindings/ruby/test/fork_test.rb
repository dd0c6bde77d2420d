# frozen_string_literal: true

require_relative "helper"

class ForkTest < OciregTest
  # The value of the block in a child process, which must also end quickly.
  def in_child(seconds = 5)
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      writer.write(Marshal.dump(yield))
      writer.close
      GC.start
      Minitest.class_variable_set(:@@after_run, [])
      exit(true)
    end
    writer.close
    said = Timeout.timeout(seconds) { reader.read }
    Timeout.timeout(seconds) { Process.wait(pid) }
    assert_predicate $?, :success?
    Marshal.load(said) # rubocop:disable Security/MarshalLoad
  ensure
    reader.close
    Process.kill(:KILL, pid) if pid && !$?
  end

  def raised
    begun = now
    yield
    "nothing"
  rescue Ocireg::Error => e
    [e.class.name, now - begun < 0.1]
  end

  def test_the_parents_client_answers_at_once
    client.ping(registry)
    assert_equal ["Ocireg::Forked", true], in_child { raised { client.ping(registry) } }
    assert_equal ["Ocireg::Forked", true], in_child { raised { client.close } }
    assert_equal 200, client.ping(registry)["status"]
  end

  def test_a_new_client_in_the_child_works
    client.ping(registry)
    assert_equal 200, in_child { Ocireg::Client.new(plain_http: true).ping(registry)["status"] }
    assert_equal(["Timeout::Error", true], in_child do
      begun = now
      begin
        Timeout.timeout(0.1) { Ocireg::Client.new(plain_http: true).ping(silent) }
      rescue Timeout::Error => e
        [e.class.name, now - begun < 0.5]
      end
    end)
  end

  def test_readers_uploads_and_contexts_of_the_parent
    repository = new_repository
    reader = client.open_blob("#{repository}@#{client.put_blob(repository, "x" * 1_000_000)["digest"]}")
    reader.read(1)
    upload = client.upload(repository)
    context = Ocireg::Context.new
    assert_equal "Ocireg::Forked", in_child { raised { reader.read }[0] }
    assert_equal "Ocireg::Forked", in_child { raised { upload.finish }[0] }
    assert_equal 200, in_child { Ocireg::Client.new(plain_http: true).ping(registry, context: context)["status"] }
    reader.close
    upload.cancel
  end

  def test_a_fork_in_the_middle_of_calls
    threads = Array.new(4) { Thread.new { 20.times { client.ping(registry) } } }
    10.times { assert_equal 200, in_child { Ocireg::Client.new(plain_http: true).ping(registry)["status"] } }
    threads.each(&:join)
  end
end
